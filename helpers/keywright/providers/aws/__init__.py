"""Amazon Web Services: tokens for EKS clusters and passwords for ECR registries, from botocore's credentials."""
