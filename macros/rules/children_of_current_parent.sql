{#-
    The rows of a raw child table that its parent still lists. Children are written with their parent and
    carry its load id; one that the parent no longer lists stays in raw with an older load id.
    `with_deleted` also takes the children of parents that are gone from Magento.
-#}
{% macro children_of_current_parent(child, parent, parent_id, child_parent_id, with_deleted=false) -%}
    select children.*
    from {{ child }} as children
    inner join {{ parent }} as parents
        on
            children.store_key = parents.store_key
            and children.{{ child_parent_id }} = parents.{{ parent_id }}
            and children._dlt_load_id = parents._dlt_load_id
    {%- if not with_deleted %}
    where parents._deleted_at is null
    {%- endif %}
{%- endmacro %}
