"""What can be declared: strict fields, and the families of named classes that a definition may name."""
