"""The claims app: A-to-z claims, chargebacks and reimbursements."""
