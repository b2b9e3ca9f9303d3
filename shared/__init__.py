"""What two services need, knowing none of them."""
