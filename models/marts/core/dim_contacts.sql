with

emails as (

    select * from {{ ref('int_emails_checked') }}
    where is_contact

),

settings as (

    select * from {{ ref('int_build_settings') }}

),

accounts as (

    select * from {{ ref('int_accounts_described') }}

),

latest_orders as (

    select * from {{ ref('int_orders_latest') }}

),

customer_groups as (

    select * from {{ ref('stg_magento__customer_groups') }}

),

stores as (

    select * from {{ ref('int_stores_named') }}

),

{# An account speaks for the person alone, and its address for where they are; a guest's latest order does. -#}
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
        case when accounts.address_id is not null then accounts.phone else latest_orders.phone end
            as phone,
        case when accounts.address_id is not null then accounts.city else latest_orders.city end
            as city,
        case when accounts.address_id is not null then accounts.region else latest_orders.region end
            as region,
        case when accounts.address_id is not null then accounts.country else latest_orders.country end
            as country
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
