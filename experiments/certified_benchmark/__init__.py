"""How small are proved errors of small networks on a published benchmark of nine vector fields?"""
