"""How fast do networks of finite width become kernel machines, before and along training?"""
