"""A small Functions host: any Python v2-model Durable Functions app, unchanged, on one machine."""
