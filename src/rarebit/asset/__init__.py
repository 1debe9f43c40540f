"""What is known of hosts and users: roles, sites, criticality."""
