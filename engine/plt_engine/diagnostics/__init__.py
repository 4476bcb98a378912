"""Looking into a looped model: what each loop changes in its states, attention and output, and whether it pays.

It runs the definition of the model on text and says what it sees; it serves no requests and certifies no loop count.
"""
