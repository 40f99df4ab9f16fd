with

addresses as (

    select
        store_key,
        email,
        split_part(email, '@', 2) as domain
    from {{ ref('int_email_addresses') }}
    where invalid_because is null

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

domains as (

    select distinct domain
    from addresses

),

{# Of a row such as example.com the domain itself and all that end with .example.com. They are few: each is tried. -#}
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
        addresses.store_key,
        addresses.email,
        excluded_emails.seed_row,
        excluded_emails.because
    from addresses
    inner join excluded_emails
        on addresses.email = excluded_emails.address
    where excluded_emails.match = 'exact'

    union all

    select
        addresses.store_key,
        addresses.email,
        excluded_domains.seed_row,
        excluded_domains.because
    from addresses
    inner join excluded_domains
        on addresses.domain = excluded_domains.domain

    union all

    select
        addresses.store_key,
        addresses.email,
        patterns.seed_row,
        patterns.because
    from addresses
    inner join patterns
        on {{ matches_pattern('addresses.email', 'patterns.pattern') }}

),

final as (

    select
        store_key,
        email,
        min(because) as excluded_because,
        {{ ordered_list('seed_row', 'seed_row') }} as excluded_by
    from matched
    group by store_key, email

)

select * from final
