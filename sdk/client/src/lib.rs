//! The asynchronous client: submit, wait, retry, prove, subscribe.
