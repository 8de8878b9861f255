"""What the operator is made of: its bill of materials, its licences, and what is known against it."""
