"""Programs counted exactly: their jaxprs, their primitives, their tapes, and XLA's own count."""
