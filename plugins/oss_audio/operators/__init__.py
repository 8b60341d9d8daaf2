"""The operators: list, plan, convert, verify, publish, report and export."""
