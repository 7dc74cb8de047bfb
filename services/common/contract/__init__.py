"""The contract: how a record is read, which features the model takes, whose past counts; and the ids of records."""
