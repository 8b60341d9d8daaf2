"""`make bench`: what the main job costs, on real parts. Figures are printed, never asserted."""
