"""What a platform team's script for LiteLLM's proxy does in a week, in a minute.

Written against LiteLLM's documentation with nothing but `requests`; it knows nothing of what serves it.
Usage: litellm_admin.py BASE_URL MASTER_KEY PROVIDER_BASE
"""

import hashlib
import os
import sys

import requests

base, master, provider = sys.argv[1], sys.argv[2], sys.argv[3]
admin = requests.Session()
admin.headers.update({"Authorization": f"Bearer {master}", "Content-Type": "application/json"})


def call(method, path, expected=200, key=None, **kwargs):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    response = admin.request(method, base + path, headers=headers, timeout=30, **kwargs)
    if response.status_code != expected:
        raise SystemExit(f"{method} {path}: {response.status_code} instead of {expected}: {response.text}")
    return response.json() if response.text else None


def chat(key, model, expected=200):
    body = {"model": model, "messages": [{"role": "user", "content": "Say hello"}]}
    return call("POST", "/chat/completions", expected, key=key, json=body)


# Is it up?
assert requests.get(base + "/health/liveliness", timeout=30).status_code == 200
assert requests.get(base + "/health/readiness", timeout=30).json()["status"] in ("healthy", "connected")

# Models.
for name in ("fast", "smart"):
    made = call("POST", "/model/new", json={
        "model_name": name,
        "litellm_params": {"model": f"openai/{name}-1", "api_base": provider, "api_key": "os.environ/PLAYED_KEY"},
        "model_info": {"description": "made by a script"},
    })
    assert made["model_name"] == name, made
info = call("GET", "/model/info")["data"]
assert {"fast", "smart"} <= {entry["model_name"] for entry in info}
assert "sk-played" not in str(info)
listed = [entry["id"] for entry in call("GET", "/v1/models")["data"]]
assert "fast" in listed and "smart" in listed

# A budget that many share, and a team with two people.
call("POST", "/budget/new", json={"budget_id": "trial", "max_budget": 1.0, "budget_duration": "1d"})
team = call("POST", "/team/new", json={
    "team_alias": "Data science",
    "models": ["fast"],
    "max_budget": 100,
    "budget_duration": "30d",
    "members_with_roles": [{"role": "admin", "user_id": "lead"}],
    "metadata": {"cost_center": "4711"},
})
team_id = team["team_id"]
user = call("POST", "/user/new", json={
    "user_email": "Ada@example.com",
    "user_role": "internal_user",
    "max_budget": 20,
    "teams": [team_id],
    "key_alias": "ada-first",
})
ada, ada_key = user["user_id"], user["key"]
assert ada_key.startswith("sk-"), user
assert call("POST", "/user/new", expected=409, json={"user_email": "ada@example.com"})["error"]["code"] == "409"
members = call("GET", "/team/info", params={"team_id": team_id})["team_info"]["members_with_roles"]
assert {"lead", ada} <= {member["user_id"] for member in members}, members

# Keys.
made = call("POST", "/key/generate", json={
    "team_id": team_id,
    "user_id": ada,
    "key_alias": "notebook",
    "models": [],
    "max_budget": 5,
    "rpm_limit": 1000,
    "duration": "30d",
    "metadata": {"purpose": "notebook"},
})
key = made["key"]
assert made["token"] == hashlib.sha256(key.encode()).hexdigest()
assert chat(key, "fast")["choices"][0]["message"]["content"]
assert chat(key, "smart", expected=403)["error"]["type"] == "team_model_access_denied"
again = call("POST", "/key/generate", expected=400, json={"key_alias": "notebook"})
assert again["error"]["param"] == "key_alias", again

# Everybody agrees that the team needs the other model; the notebook works at once.
call("POST", "/team/model/add", json={"team_id": team_id, "models": ["smart"]})
chat(key, "smart")
call("POST", "/key/update", json={"key": key, "models": ["smart"]})
chat(key, "fast", expected=403)
call("POST", "/key/update", json={"key": key, "models": []})
chat(key, "fast")

# What a user sees with a key of his own.
own = call("GET", "/user/info", key=ada_key)
assert own["user_id"] == ada and own["user_info"]["user_email"] == "ada@example.com", own
assert call("GET", "/key/info", key=key)["info"]["key_alias"] == "notebook"
call("POST", "/team/delete", expected=401, key=ada_key, json={"team_ids": [team_id]})
mine = call("POST", "/key/generate", key=ada_key, json={"key_alias": "my own"})
assert mine["user_id"] == ada, mine

# Housekeeping: lists, pages, limits, rotation.
page = call("GET", "/key/list", params={"size": 2, "page": 1, "return_full_object": True})
assert page["total_count"] == 3 and page["total_pages"] == 2 and len(page["keys"]) == 2, page
assert all("sk-" not in entry.get("token", "") for entry in page["keys"])
assert call("GET", "/user/list", params={"user_email": "ada"})["users"][0]["user_id"] == ada
call("POST", "/user/update", json={"user_id": ada, "max_budget": 50, "metadata": {"grade": "b"}})
assert call("GET", "/user/info", params={"user_id": ada})["user_info"]["max_budget"] == 50
rotated = call("POST", f"/key/{made['token']}/regenerate", json={"grace_period": "1h"})
for either in (key, rotated["key"]):
    chat(either, "fast")
call("POST", "/key/block", json={"key": rotated["key"]})
assert chat(rotated["key"], "fast", expected=401)["error"]["type"] == "auth_error"
call("POST", "/key/unblock", json={"key": rotated["key"]})
chat(rotated["key"], "fast")

# Customers of the product that the team builds.
call("POST", "/customer/new", json={"user_id": "customer-7", "budget_id": "trial"})
assert call("GET", "/customer/info", params={"end_user_id": "customer-7"})["litellm_budget_table"]["max_budget"] == 1.0
assert [row["budget_id"] for row in call("POST", "/budget/info", json={"budgets": ["trial"]})] == ["trial"]

# An organization around it all.
org = call("POST", "/organization/new", json={"organization_alias": "Research", "max_budget": 1000})
call("POST", "/organization/member_add", json={
    "organization_id": org["organization_id"],
    "member": {"role": "org_admin", "user_id": ada},
})
call("POST", "/team/new", key=ada_key, json={"organization_id": org["organization_id"], "team_alias": "Lab"})

# Ada leaves.
call("POST", "/team/member_delete", json={"team_id": team_id, "user_id": ada})
chat(rotated["key"], "fast", expected=401)
assert call("POST", "/user/delete", json={"user_ids": [ada]}) == 1
assert chat(ada_key, "fast", expected=401)["error"]["type"] == "token_not_found_in_db"
assert call("GET", "/key/info", params={"key": key}, expected=404)["error"]["code"] == "404"
assert call("GET", "/key/info", params={"key": rotated["key"]})["info"]["status"] == "deleted"
assert call("GET", "/key/list")["total_count"] == 0

# Clean up.
assert call("POST", "/team/delete", json={"team_ids": [team_id]})["deleted_teams"] == [team_id]
for entry in info:
    if entry["model_info"].get("description") == "made by a script":
        call("POST", "/model/delete", json={"id": entry["model_info"]["id"]})
assert "fast" not in [entry["id"] for entry in call("GET", "/v1/models")["data"]]
print("done", os.path.basename(__file__))
