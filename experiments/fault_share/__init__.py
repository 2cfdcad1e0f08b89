"""Which share of faults planted by machine into the kernel of `certify` do its tests find?"""
