"""What happens after training: scores, metrics, tables and reports."""
