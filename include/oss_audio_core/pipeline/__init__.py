"""One batch, step by step: list, plan, submit, wait, verify, publish, report."""
