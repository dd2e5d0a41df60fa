"""The pages that a person sees in a browser, over the same services as the API. They work without JavaScript."""
