"""What can be wrong with a data set: one module for each kind of fault, exporting one `CHECK: CheckSpec`."""
