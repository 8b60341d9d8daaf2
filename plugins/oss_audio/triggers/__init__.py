"""The trigger that waits for one shard, and what the triggers of one triggerer share."""
