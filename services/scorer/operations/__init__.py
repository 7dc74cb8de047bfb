"""The closed set of operations that a contract's derived numbers and features are made by."""
