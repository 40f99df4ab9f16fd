"""The demo ICOMMKT answers with the documented shapes and keeps contacts as the help article says."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from demo.serving import serving

KEY, PROFILE = "the-key", "the-profile"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("icommkt") / "icommkt.sqlite"


@pytest.fixture(scope="module")
def server(database: Path) -> Iterator[str]:
    with serving("demo.icommkt", database=database, options=["--api-key", KEY, "--profile-key", PROFILE]) as url:
        yield url


@pytest.fixture
def url(server: str, database: Path) -> Iterator[str]:
    before = requests.get(f"{server}/demo/settings", timeout=5).json()
    yield server
    requests.post(f"{server}/demo/settings", json=before, timeout=5).raise_for_status()
    with sqlite3.connect(database) as connection:
        for table in ("contacts", "bounces", "unsubscribed", "requests"):
            connection.execute(f"delete from {table}")


def setting(url: str, **values: object) -> None:
    requests.post(f"{url}/demo/settings", json=values, timeout=5).raise_for_status()


def call(url: str, method: str, authorization: str | None = KEY, **body: Any) -> requests.Response:
    headers = {} if authorization is None else {"Authorization": authorization}
    return requests.post(
        f"{url}/Contacts/{method}.Json/", json={"ProfileKey": PROFILE, **body}, headers=headers, timeout=5
    )


def contact(email: str, **fields: str) -> dict[str, Any]:
    return {"Email": email, "CustomFields": [{"Key": key, "Value": value} for key, value in fields.items()]}


def save(url: str, *contacts: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = call(url, "SaveMultiContact", ContactList=list(contacts)).json()[
        "SaveMultiContactJsonResult"
    ]
    return result


def held(url: str, email: str) -> dict[str, Any]:
    (found,) = call(url, "ListFull", Filters={"Email": email}).json()["ListContactsFullJsonResult"]
    assert isinstance(found, dict)
    return found


def test_save_contact_has_the_documented_shape(url: str) -> None:
    answer = call(url, "SaveContact", Contact=contact("a@example.com", nombre="Ana")).json()
    result = answer["SaveContactJsonResult"]
    assert set(result) == {"Message", "MessageDetail", "Data", "StatusCode"}
    assert result["StatusCode"] == 1
    assert result["Data"] == {"Email": "a@example.com", "Status": "A"}


def test_a_batch_is_answered_contact_by_contact(url: str) -> None:
    result = save(url, contact("a@example.com"), contact("no address"), contact("b@example.com"))
    assert result["StatusCode"] == 1
    assert [one["StatusCode"] for one in result["Responses"]] == [1, 901, 1]
    listed = call(url, "ListFull", Filters={}).json()
    assert set(listed) == {"ListContactsFullJsonResult"}
    assert [one["Email"] for one in listed["ListContactsFullJsonResult"]] == ["a@example.com", "b@example.com"]


def test_what_is_omitted_stays_and_what_is_given_replaces(url: str) -> None:
    save(url, contact("a@example.com", nombre="Ana", apellido="Paz"))
    save(url, contact("A@example.com ", nombre="", ciudad="Córdoba"))
    assert held(url, "a@example.com") == {
        "Email": "a@example.com",
        "Status": "A",
        "CustomFields": [
            {"Key": "nombre", "Value": ""},
            {"Key": "apellido", "Value": "Paz"},
            {"Key": "ciudad", "Value": "Córdoba"},
        ],
    }


def test_list_full_of_nobody_is_an_empty_list(url: str) -> None:
    assert call(url, "ListFull", Filters={"Email": "no@example.com"}).json() == {"ListContactsFullJsonResult": []}


def test_removing(url: str) -> None:
    save(url, contact("a@example.com"))
    codes = [
        call(url, "RemoveContact", Contact={"Email": "a@example.com"}).json()["RemoveContactJsonResult"]["StatusCode"]
        for _ in range(2)
    ]
    assert codes == [2, 101]


def test_an_unsubscribed_contact_stays_so_even_when_removed_and_saved_again(url: str) -> None:
    save(url, contact("a@example.com"))
    requests.post(f"{url}/demo/unsubscribe", json={"email": "a@example.com"}, timeout=5).raise_for_status()
    save(url, contact("a@example.com", nombre="Ana"))
    assert held(url, "a@example.com")["Status"] == "U"
    call(url, "RemoveContact", Contact={"Email": "a@example.com"})
    answer = save(url, contact("a@example.com"))["Responses"][0]
    assert (answer["StatusCode"], answer["Data"]["Status"]) == (1, "U")


def test_a_bounced_address_is_loaded_but_not_active(url: str) -> None:
    requests.post(f"{url}/demo/bounce", json={"email": "b@example.com"}, timeout=5).raise_for_status()
    assert save(url, contact("b@example.com"))["Responses"][0]["StatusCode"] == 1
    assert held(url, "b@example.com")["Status"] == "B"


BASIC = "Basic " + base64.b64encode(f"{KEY}:anything".encode()).decode()


@pytest.mark.parametrize(
    ("form", "good", "bad"),
    [
        ("raw", [KEY], [f"{KEY}:0", BASIC, "other", None]),
        ("raw_colon", [f"{KEY}:0", f"{KEY}:user:0"], [KEY, BASIC, "other:0", None]),
        ("basic", [BASIC], [KEY, f"{KEY}:0", "Basic ?", None]),
    ],
)
def test_each_form_of_authorization(url: str, form: str, good: list[str], bad: list[str | None]) -> None:
    setting(url, auth_form=form)
    for authorization in good:
        assert call(url, "ListFull", authorization, Filters={}).status_code == 200, authorization
    for refused in bad:
        assert call(url, "ListFull", refused, Filters={}).status_code == 401, refused


def test_a_wrong_key_or_profile_can_be_an_error_inside_200(url: str) -> None:
    setting(url, wrong_key="error_inside")
    response = call(url, "SaveMultiContact", "other", ContactList=[contact("a@example.com")])
    assert (response.status_code, response.json()["SaveMultiContactJsonResult"]["StatusCode"]) == (200, 903)
    response = call(url, "SaveMultiContact", ProfileKey="other", ContactList=[contact("a@example.com")])
    assert (response.status_code, response.json()["SaveMultiContactJsonResult"]["StatusCode"]) == (200, 902)
    assert requests.get(f"{url}/demo/contacts", timeout=5).json() == []


@pytest.mark.parametrize(("too_large", "status"), [("413", 413), ("404", 404), ("500", 500), ("error_inside", 200)])
def test_batch_limits(url: str, too_large: str, status: int) -> None:
    setting(url, max_contacts=2, too_large=too_large)
    contacts = [contact(f"{name}@example.com") for name in "abc"]
    response = call(url, "SaveMultiContact", ContactList=contacts)
    assert response.status_code == status
    assert requests.get(f"{url}/demo/contacts", timeout=5).json() == []
    assert len(save(url, *contacts[:2])["Responses"]) == 2
    setting(url, max_contacts=0, max_bytes=50)
    assert call(url, "SaveMultiContact", ContactList=contacts[:1]).status_code == status


@pytest.mark.parametrize(
    ("how", "emails"),
    [
        ("in_order", ["a", "bad", "c"]),
        ("reversed", ["c", "bad", "a"]),
        ("shorter", ["a", "bad"]),
        ("longer", ["a", "bad", "c", "c"]),
        ("failures_only", ["bad"]),
    ],
)
def test_responses_can_be_out_of_order_or_of_another_length(url: str, how: str, emails: list[str]) -> None:
    setting(url, responses=how)
    responses = save(url, contact("a@example.com"), contact("bad"), contact("c@example.com"))["Responses"]
    assert [one["Data"]["Email"].partition("@")[0] for one in responses] == emails


def test_answers_can_be_text_and_without_e_mail(url: str) -> None:
    setting(url, status_code_as="text", responses_email=False)
    result = save(url, contact("a@example.com"), contact("bad"))
    assert result["StatusCode"] == "1"
    assert [(one["StatusCode"], one["Data"]) for one in result["Responses"]] == [("1", None), ("901", None)]


def test_empty_values_and_unknown_fields_can_behave_either_way(url: str) -> None:
    save(url, contact("a@example.com", nombre="Ana"))
    setting(url, empty_values="keep", known_fields=["nombre"], unknown_fields="ignore")
    save(url, contact("a@example.com", nombre="", extra="x"))
    assert held(url, "a@example.com")["CustomFields"] == [{"Key": "nombre", "Value": "Ana"}]
    setting(url, unknown_fields="reject")
    assert save(url, contact("a@example.com", extra="x"))["Responses"][0]["StatusCode"] == 905


def test_a_poisoned_contact_fails_its_whole_batch(url: str) -> None:
    setting(url, poison="poison", poison_status=500)
    body = [contact("a@example.com"), contact("poison@example.com")]
    assert call(url, "SaveMultiContact", ContactList=body).status_code == 500
    assert requests.get(f"{url}/demo/contacts", timeout=5).json() == []


def test_the_journal_keeps_each_call_with_its_body(url: str) -> None:
    save(url, contact("a@example.com", nombre="Ana"), contact("b@example.com"))
    call(url, "RemoveContact", Contact={"Email": "b@example.com"})
    journal = requests.get(f"{url}/demo/requests?payload=1", timeout=5).json()
    assert [(one["method"], one["path"], one["status"], one["contacts"]) for one in journal] == [
        ("POST", "/Contacts/SaveMultiContact.Json/", 200, 2),
        ("POST", "/Contacts/RemoveContact.Json/", 200, 1),
    ]
    assert journal[0]["payload"]["ContactList"][0] == contact("a@example.com", nombre="Ana")
    assert requests.delete(f"{url}/demo/requests", timeout=5).json() == []
    assert requests.get(f"{url}/demo/requests", timeout=5).json() == []


def test_what_is_held_outlives_the_server(tmp_path: Path) -> None:
    for _ in range(2):
        with serving("demo.icommkt", database=tmp_path / "x.sqlite") as one:
            save(one, contact("a@example.com"))
            found = requests.get(f"{one}/demo/contacts", timeout=5).json()
    assert [(entry["Email"], entry["saves"]) for entry in found] == [("a@example.com", 2)]


def test_a_body_that_is_not_json_is_refused(url: str) -> None:
    response = requests.post(f"{url}/Contacts/SaveContact.Json/", data="{", headers={"Authorization": KEY}, timeout=5)
    assert response.status_code == 400
    assert json.loads(response.text)["Message"]


@pytest.mark.parametrize("values", [{"speed": 1}, {"auth_form": "digest"}, {"max_contacts": "2"}, {"poison": 1}])
def test_unknown_settings_are_refused(url: str, values: dict[str, object]) -> None:
    assert requests.post(f"{url}/demo/settings", json=values, timeout=5).status_code == 400
