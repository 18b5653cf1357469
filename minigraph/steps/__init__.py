"""The small steps that a plan is made of, the memory they use, and the threads that share them."""
