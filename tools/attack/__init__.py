"""`make attack`: hostile files, messages and keys through whole batches, as long as one likes."""
