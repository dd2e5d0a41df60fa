"""What a job will take and lose, before it is sent."""
