// Fill in what stands behind the # of the address: that part never goes to a server, so it stands
// in no log. It is taken out of the address at once. A person presses the button: a link of somebody
// else's must not log anybody in under another name.

function enter() {
  const said = new URLSearchParams(location.hash.slice(1));
  if (location.hash) history.replaceState(null, "", location.pathname);
  const form = document.querySelector("form");
  if (said.get("to")) form.elements.to.value = said.get("to");
  if (said.get("token")) {
    form.elements.token.value = said.get("token");
    document.getElementById("filled").hidden = false;
    form.querySelector("button").focus();
  }
}

enter();
// An address given to a page that is open already does not load it anew.
addEventListener("hashchange", enter);
