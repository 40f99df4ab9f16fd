with

customers as (

    select * from {{ ref('stg_magento__customers') }}

),

orders as (

    select * from {{ ref('int_orders_assessed') }}
    where not_a_purchase_because is distinct from 'before start date'

),

excluded_emails as (

    select
        match,
        {{ normalise_email('value') }} as address,
        {{ replace_pattern(normalise_email('value'), "'^[*@.]+'", "''") }} as domain,
        {{ strip_whitespace('value') }} as pattern,
        concat(match, ' ', value) as seed_row,
        case
            when reason is not null then concat(match, ' ', value, ': ', reason)
            else concat(match, ' ', value)
        end as because
    from {{ ref('excluded_emails') }}

),

seen as (

    select
        store_key,
        coalesce(email, '') as email,
        count(*) as accounts,
        0 as orders
    from customers
    group by store_key, coalesce(email, '')

    union all

    select
        store_key,
        email,
        0 as accounts,
        count(*) as orders
    from orders
    group by store_key, email

),

emails as (

    select
        store_key,
        email,
        cast(sum(accounts) as bigint) as accounts,
        cast(sum(orders) as bigint) as orders
    from seen
    group by store_key, email

),

judged as (

    select
        store_key,
        email,
        accounts,
        orders,
        case
            when email = '' then 'missing'
            when not {{ is_ascii('email') }} then 'not ASCII'
            when {{ is_too_long_email('email') }} then 'too long'
            when not {{ is_valid_email('email') }} then 'not an address'
        end as invalid_because
    from emails

),

valid as (

    select
        store_key,
        email,
        split_part(email, '@', 2) as domain
    from judged
    where invalid_because is null

),

domains as (

    select distinct domain
    from valid

),

{# Of a row such as example.com the domain itself and all below it. Domains are few, so each is looked at once. -#}
excluded_domains as (

    select
        domains.domain,
        excluded_emails.seed_row,
        excluded_emails.because
    from domains
    inner join excluded_emails
        on
            substr(
                concat('.', domains.domain),
                length(domains.domain) - length(excluded_emails.domain) + 1
            ) = concat('.', excluded_emails.domain)
    where excluded_emails.match = 'domain'

),

patterns as (

    select
        pattern,
        seed_row,
        because
    from excluded_emails
    where match = 'pattern'

),

matched as (

    select
        valid.store_key,
        valid.email,
        excluded_emails.seed_row,
        excluded_emails.because
    from valid
    inner join excluded_emails
        on valid.email = excluded_emails.address
    where excluded_emails.match = 'exact'

    union all

    select
        valid.store_key,
        valid.email,
        excluded_domains.seed_row,
        excluded_domains.because
    from valid
    inner join excluded_domains
        on valid.domain = excluded_domains.domain

    union all

    select
        valid.store_key,
        valid.email,
        patterns.seed_row,
        patterns.because
    from valid
    inner join patterns
        on {{ matches_pattern('valid.email', 'patterns.pattern') }}

),

exclusions as (

    select
        store_key,
        email,
        min(because) as excluded_because,
        {{ ordered_list('seed_row', 'seed_row') }} as excluded_by
    from matched
    group by store_key, email

),

checked as (

    select
        judged.store_key,
        judged.email,
        judged.accounts,
        judged.orders,
        judged.invalid_because,
        exclusions.excluded_because,
        exclusions.excluded_by,
        judged.invalid_because is null
        and exclusions.excluded_because is null as is_contact
    from judged
    left join exclusions
        on
            judged.store_key = exclusions.store_key
            and judged.email = exclusions.email

)

select * from checked
