"""The stages of the way, one module each, each with one function `run(context)`."""
