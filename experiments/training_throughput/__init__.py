"""How fast is the training loop, against other libraries and against the peak of the machine?"""
