"""Deaths in the real VS Code: of the engine, which the status bar shows, and of the server, which is started again."""

from tests.e2e.vscode.processes import engines, kill, servers
from tests.e2e.vscode.waiting import wait_for
from tests.e2e.vscode.workbench import MODEL, Workbench

PAIRS = "def add(a, b):\n    return a + b\n\n\ndef subtract(a, b):\n"
TYPED = "    return"


def test_a_killed_engine_is_shown_and_comes_back(vscode: Workbench) -> None:
    vscode.open_text("engine.py", PAIRS)
    vscode.browser.type(TYPED)
    ghost = vscode.wait_for_ghost()
    (engine,) = engines(vscode.server.pid)
    vscode.hide_ghost()

    kill(engine)
    wait_for(vscode.status, lambda words: words == "PLT: engine stopped")

    vscode.browser.press("Alt+\\")
    assert vscode.wait_for_ghost() == ghost
    wait_for(vscode.status, lambda words: words.startswith(f"PLT: {MODEL}"))
    assert engines(vscode.server.pid) not in ([], [engine])


def test_the_menu_starts_a_killed_engine_without_a_completion(vscode: Workbench) -> None:
    vscode.open_text("engine_menu.py", PAIRS)
    vscode.browser.type(TYPED)
    vscode.wait_for_ghost()
    vscode.hide_ghost()
    (engine,) = engines(vscode.server.pid)
    kill(engine)
    wait_for(vscode.status, lambda words: words == "PLT: engine stopped")

    vscode.open_menu()
    vscode.choose("Load the model")
    wait_for(vscode.status, lambda words: words.startswith(f"PLT: {MODEL}"))
    assert engines(vscode.server.pid) not in ([], [engine])


def test_a_killed_server_is_started_again(vscode: Workbench) -> None:
    vscode.open_text("server.py", PAIRS)
    vscode.browser.type(TYPED)
    ghost = vscode.wait_for_ghost()
    (server,) = servers(vscode.server.pid)

    kill(server)
    wait_for(vscode.status, lambda words: words == "PLT: restarting")
    vscode.wait_until_running()
    assert servers(vscode.server.pid) not in ([], [server])

    vscode.open_text("server_again.py", PAIRS)
    vscode.browser.type(TYPED)
    assert vscode.wait_for_ghost() == ghost


def test_the_user_restarts_the_server(vscode: Workbench) -> None:
    (server,) = servers(vscode.server.pid)
    vscode.run("PLT: Restart the Server")
    wait_for(lambda: servers(vscode.server.pid), lambda found: found not in ([], [server]))
    vscode.wait_until_running()
    vscode.open_text("restart.py", PAIRS)
    vscode.browser.type(TYPED)
    assert vscode.wait_for_ghost()
