"""The review desk: where people answer what workflows ask."""
