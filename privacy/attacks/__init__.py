"""The battery: one file and one function per attack. Each returns findings and reads nothing but its arguments."""
