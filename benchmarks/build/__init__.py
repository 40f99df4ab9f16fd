"""Measures the dbt build on a store written straight into the raw tables."""
