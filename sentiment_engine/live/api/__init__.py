"""The HTTP interface described: what each endpoint is asked and answers, as records and as one document."""
