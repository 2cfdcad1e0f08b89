"""Networks of one hidden layer whose units are chosen one by one."""
