"""How fast is the training loop, beside other ways and as a part of what the machine can do?"""
