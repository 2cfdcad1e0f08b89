"""How much sooner does a sweep end with the workers of --dask, and are its rows the same?"""
