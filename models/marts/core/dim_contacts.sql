with

emails as (

    select * from {{ ref('int_emails_checked') }}
    where is_contact

),

settings as (

    select * from {{ ref('int_build_settings') }}

),

customers as (

    select * from {{ ref('stg_magento__customers') }}

),

addresses as (

    select * from {{ ref('stg_magento__customer_addresses') }}

),

orders as (

    select * from {{ ref('stg_magento__orders') }}

),

assessed_orders as (

    select * from {{ ref('int_orders_assessed') }}
    where not_a_purchase_because is distinct from 'before start date'

),

customer_groups as (

    select * from {{ ref('stg_magento__customer_groups') }}

),

stores as (

    select * from {{ ref('int_stores_named') }}

),

{# Of several accounts with one e-mail, the one that was updated last. -#}
ranked_accounts as (

    select
        *,
        row_number() over (
            partition by store_key, email
            order by updated_at desc nulls last, customer_id desc
        ) as account_rank
    from customers

),

ranked_addresses as (

    select
        addresses.*,
        row_number() over (
            partition by addresses.store_key, addresses.customer_id
            order by
                case
                    when addresses.address_id = customers.default_billing_address_id then 1
                    when addresses.is_default_billing then 2
                    when addresses.address_id = customers.default_shipping_address_id then 3
                    when addresses.is_default_shipping then 4
                    else 5
                end,
                addresses.address_id
        ) as address_rank
    from addresses
    inner join customers
        on
            addresses.store_key = customers.store_key
            and addresses.customer_id = customers.customer_id

),

accounts as (

    select
        ranked_accounts.*,
        ranked_addresses.address_id,
        ranked_addresses.phone,
        ranked_addresses.city,
        ranked_addresses.region,
        ranked_addresses.country
    from ranked_accounts
    left join ranked_addresses
        on
            ranked_accounts.store_key = ranked_addresses.store_key
            and ranked_accounts.customer_id = ranked_addresses.customer_id
            and ranked_addresses.address_rank = 1
    where ranked_accounts.account_rank = 1

),

{# Whom an account and its address do not describe whole; for the others no order needs to be looked for. -#}
described_by_orders as (

    select
        emails.store_key,
        emails.email
    from emails
    left join accounts
        on
            emails.store_key = accounts.store_key
            and emails.email = accounts.email
    where accounts.address_id is null

),

ranked_orders as (

    select
        assessed_orders.store_key,
        assessed_orders.order_id,
        assessed_orders.email,
        row_number() over (
            partition by assessed_orders.store_key, assessed_orders.email
            order by assessed_orders.created_at desc, assessed_orders.order_id desc
        ) as order_rank
    from assessed_orders
    inner join described_by_orders
        on
            assessed_orders.store_key = described_by_orders.store_key
            and assessed_orders.email = described_by_orders.email

),

{# Whose order it is, the assessed order says; what was typed at the checkout, Magento's. -#}
latest_orders as (

    select
        ranked_orders.store_key,
        ranked_orders.email,
        orders.first_name,
        orders.last_name,
        orders.birth_date,
        orders.gender_code,
        orders.customer_group_id,
        orders.store_id,
        orders.phone,
        orders.city,
        orders.region,
        orders.country
    from ranked_orders
    inner join orders
        on
            ranked_orders.store_key = orders.store_key
            and ranked_orders.order_id = orders.order_id
    where ranked_orders.order_rank = 1

),

{# An account speaks for the person alone; a guest's latest order does. -#}
described as (

    select
        emails.store_key,
        emails.email,
        emails.contact_number,
        emails.accounts,
        emails.orders,
        accounts.customer_id,
        accounts.is_subscribed,
        accounts.created_at as account_created_at,
        accounts.custom_attributes,
        case when accounts.customer_id is not null then accounts.first_name else latest_orders.first_name end
            as first_name,
        case when accounts.customer_id is not null then accounts.last_name else latest_orders.last_name end
            as last_name,
        case when accounts.customer_id is not null then accounts.birth_date else latest_orders.birth_date end
            as birth_date,
        case when accounts.customer_id is not null then accounts.gender_code else latest_orders.gender_code end
            as gender_code,
        case
            when accounts.customer_id is not null then accounts.customer_group_id
            else latest_orders.customer_group_id
        end as customer_group_id,
        case when accounts.customer_id is not null then accounts.store_id else latest_orders.store_id end
            as store_id,
        case when accounts.address_id is not null then accounts.phone else latest_orders.phone end as phone,
        case when accounts.address_id is not null then accounts.city else latest_orders.city end as city,
        case when accounts.address_id is not null then accounts.region else latest_orders.region end as region,
        case when accounts.address_id is not null then accounts.country else latest_orders.country end as country
    from emails
    left join accounts
        on
            emails.store_key = accounts.store_key
            and emails.email = accounts.email
    left join latest_orders
        on
            emails.store_key = latest_orders.store_key
            and emails.email = latest_orders.email

),

contacts as (

    select
        ----------  ids
        described.store_key,
        described.email,
        described.contact_number,
        described.customer_id,

        ----------  texts
        described.first_name,
        described.last_name,
        {{ label_of('described.gender_code', var('gender_labels')) }} as gender,
        described.phone,
        described.city,
        described.region,
        described.country,
        customer_groups.customer_group,
        stores.website,
        stores.store,

        ----------  numerics
        described.accounts,
        described.orders,

        ----------  booleans
        described.customer_id is null as is_guest,
        described.is_subscribed,

        ----------  custom attributes
        {{ custom_attribute_columns('described.custom_attributes', var('customer_attributes')) }}

        ----------  dates
        case when described.birth_date <= settings.as_of_date then described.birth_date end as birth_date,
        {{ local_date('described.account_created_at', store_timezone('settings')) }}
            as account_created_date
    from described
    inner join settings
        on described.store_key = settings.store_key
    left join customer_groups
        on
            described.store_key = customer_groups.store_key
            and described.customer_group_id = customer_groups.customer_group_id
    left join stores
        on
            described.store_key = stores.store_key
            and described.store_id = stores.store_id

)

select * from contacts
