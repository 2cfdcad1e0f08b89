"""What does depth buy? Networks built level by level, and networks trained at equal size."""
