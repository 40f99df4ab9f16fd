{#- What the rows of the incremental models are made from, as versions; see forget_stale_rows. -#}

{#-
    Version of an order: the load that wrote it and its lines, the account's address, the currency, the settings, and
    whether it is of a day after the as-of date. (Only near that date is a date told in the store's time zone, which takes
    a while.)
-#}
{% macro order_version(orders, accounts, currency, settings) -%}
    {{ magento_icommkt.row_version([
        orders ~ ".load_id",
        accounts ~ ".email",
        currency,
        settings ~ ".store_timezone",
        settings ~ ".reporting_currency",
        settings ~ ".start_date",
        "case when cast(" ~ orders ~ ".created_at as date) >= " ~ magento_icommkt.add_days(settings ~ ".as_of_date", -1) ~ " then "
        ~ magento_icommkt.local_date(orders ~ ".created_at", magento_icommkt.store_timezone(settings))
        ~ " > " ~ settings ~ ".as_of_date else false end",
    ]) }}
{%- endmacro %}

{% macro order_versions(orders, customers, store_views, settings) -%}
    select
        orders.store_key,
        orders.order_id,
        orders.load_id,
        {{ magento_icommkt.order_version(
            'orders', 'customers', magento_icommkt.order_currency('orders', 'store_views'), 'settings'
        ) }} as _made_from
    from {{ orders }} as orders
    inner join {{ settings }} as settings
        on orders.store_key = settings.store_key
    left join {{ store_views }} as store_views
        on
            orders.store_key = store_views.store_key
            and orders.store_id = store_views.store_id
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
        load_id,
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


{#- Version of the brands and categories of an item: its product's, and those of the children that it stands for. -#}
{% macro labels_version(products, children) -%}
    {{ magento_icommkt.row_version([products ~ "._made_from", children ~ "._made_from"]) }}
{%- endmacro %}


{#- Keys of the purchases of which a stored item has other brands or categories now. -#}
{% macro relabelled_purchases(labels) -%}
    select
        items.store_key,
        items.order_id
    from {{ this }} as items
    left join {{ labels }} as products
        on
            items.store_key = products.store_key
            and cast(items.product_id as {{ dbt.type_string() }}) = products.product_ids
    left join {{ labels }} as children
        on
            items.store_key = children.store_key
            and items.child_product_ids = children.product_ids
    where items._labels_made_from <> {{ magento_icommkt.labels_version('products', 'children') }}
{%- endmacro %}


{#- Keys of the contacts whose stored aggregates hold for other days than the as-of date. -#}
{% macro aggregates_of_other_days(settings) -%}
    select
        stored.store_key,
        stored.email
    from {{ this }} as stored
    inner join {{ settings }} as settings
        on stored.store_key = settings.store_key
    where
        settings.as_of_date < stored._holds_from
        or settings.as_of_date >= stored._holds_until
{%- endmacro %}
