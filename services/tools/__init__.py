"""Commands for operators. They may import the services, never the other way round."""
