"""Amazon Web Services: tokens for EKS, passwords for ECR and CodeCommit, from botocore's credentials."""
