{#- What the rows of the incremental models are made from, as versions; see forget_stale_rows. -#}

{#-
    Version of an order: the load that wrote it and its lines, the account's address, and the settings. What was
    ordered about the as-of date or after it also depends on that date.
-#}
{% macro order_version(orders, accounts, settings) -%}
    {{ magento_icommkt.row_version([
        orders ~ ".load_id",
        accounts ~ ".email",
        settings ~ ".store_timezone",
        settings ~ ".reporting_currency",
        settings ~ ".start_date",
        "case when cast(" ~ orders ~ ".created_at as date) >= " ~ magento_icommkt.add_days(settings ~ ".as_of_date", -1) ~ " then "
        ~ settings ~ ".as_of_date end",
    ]) }}
{%- endmacro %}

{% macro order_versions(orders, customers, settings) -%}
    select
        orders.store_key,
        orders.order_id,
        {{ magento_icommkt.order_version('orders', 'customers', 'settings') }} as _made_from
    from {{ orders }} as orders
    inner join {{ settings }} as settings
        on orders.store_key = settings.store_key
    left join {{ customers }} as customers
        on
            orders.store_key = customers.store_key
            and orders.customer_id = customers.customer_id
            and {{ magento_icommkt.is_valid_email('customers.email') }}
{%- endmacro %}


{% macro order_load_versions(orders) -%}
    select
        store_key,
        order_id,
        {{ magento_icommkt.row_version(['load_id']) }} as _made_from
    from {{ orders }}
{%- endmacro %}


{#- Version of a purchase: the order's, and whose it is and where it was made. -#}
{% macro purchase_version(orders, emails, stores) -%}
    {{ magento_icommkt.row_version([
        orders ~ "._made_from", emails ~ ".email", stores ~ ".website", stores ~ ".store"
    ]) }}
{%- endmacro %}

{% macro purchase_versions(orders, emails, stores) -%}
    select
        orders.store_key,
        orders.order_id,
        emails.email,
        {{ magento_icommkt.purchase_version('orders', 'emails', 'stores') }} as _made_from
    from {{ orders }} as orders
    left join {{ emails }} as emails
        on
            orders.store_key = emails.store_key
            and orders.email = emails.email
            and emails.is_contact
    left join {{ stores }} as stores
        on
            orders.store_key = stores.store_key
            and orders.store_id = stores.store_id
    where orders.is_purchase
{%- endmacro %}


{#- Version of what a purchase gives its items: itself and its place among the contact's purchases. -#}
{% macro numbered_purchase_version(purchases) -%}
    {{ magento_icommkt.row_version([
        purchases ~ "._made_from", purchases ~ ".purchase_number", purchases ~ ".is_last_purchase"
    ]) }}
{%- endmacro %}

{% macro numbered_purchase_versions(purchases) -%}
    select
        purchases.store_key,
        purchases.order_id,
        {{ magento_icommkt.numbered_purchase_version('purchases') }} as _made_from
    from {{ purchases }} as purchases
{%- endmacro %}


{#- Version of the brands and categories of an item. -#}
{% macro labels_version(products, variants) -%}
    {{ magento_icommkt.row_version([products ~ "._made_from", variants ~ "._made_from"]) }}
{%- endmacro %}


{#- Before the items are written: removes those of purchases of which an item's brands or categories have changed. -#}
{% macro forget_relabelled_purchases(labels) -%}
    {%- if is_incremental() -%}
    delete from {{ this }}
    where exists (
        select 1
        from {{ this }} as items
        left join {{ labels }} as products
            on
                items.store_key = products.store_key
                and items.product_id = products.product_id
        left join {{ labels }} as variants
            on
                items.store_key = variants.store_key
                and case when items.product_type = 'configurable' then items.variant_product_id end = variants.product_id
        where
            items.store_key = {{ this.identifier }}.store_key
            and items.order_id = {{ this.identifier }}.order_id
            and items._labels_made_from <> {{ magento_icommkt.labels_version('products', 'variants') }}
    )
    {%- endif -%}
{%- endmacro %}


{#- Before the contacts' aggregates are written: removes those that hold for another day than the as-of date. -#}
{% macro forget_other_days(settings) -%}
    {%- if is_incremental() -%}
    delete from {{ this }}
    where exists (
        select 1
        from {{ settings }} as settings
        where
            settings.store_key = {{ this.identifier }}.store_key
            and (
                settings.as_of_date < {{ this.identifier }}._holds_from
                or settings.as_of_date >= {{ this.identifier }}._holds_until
            )
    )
    {%- endif -%}
{%- endmacro %}
