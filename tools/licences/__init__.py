"""The licences of everything that is installed: a list for docs/licences.md, an allow-list, and a bill of materials."""
