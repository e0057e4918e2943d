"""`ginja policy`: the versions of the policy, and what a policy would have done to past claims."""
