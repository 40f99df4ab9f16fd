{#- A seed's rows as literals: dbt-spark binds a missing value as the text None. -#}
{% macro spark__load_csv_rows(model, agate_table) %}
    {%- set types = model['config'].get('column_types', {}) -%}
    {%- for chunk in agate_table.rows | batch(500) %}
        {%- set sql %}
            insert into {{ this.render() }} values
            {%- for row in chunk %}
            (
                {%- for column in agate_table.column_names -%}
                cast({{ "null" if row[column] is none else magento_icommkt.quoted(row[column]) }} as {{ types.get(column, dbt.type_string()) }})
                {{- ", " if not loop.last }}
                {%- endfor -%}
            ){{ "," if not loop.last }}
            {%- endfor %}
        {%- endset %}
        {%- do adapter.add_query(sql, abridge_sql_log=True) -%}
    {%- endfor %}
    {{ return('') }}
{% endmacro %}
