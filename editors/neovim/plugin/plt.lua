-- Defines `:Plt` and the highlight groups when Neovim starts, so that both exist before `setup` is called.
-- It loads nothing else of the plugin.

if vim.g.loaded_plt then
  return
end
vim.g.loaded_plt = true

vim.api.nvim_set_hl(0, "PltGhost", { link = "Comment", default = true })

vim.api.nvim_create_user_command("Plt", function(call)
  require("plt.command").run(call.fargs, call.range > 0 and { first = call.line1, last = call.line2 } or nil)
end, {
  nargs = "*",
  range = true,
  desc = "The plt language server: status, log, doctor, context, explain, refactor, and so on",
  complete = function(lead, line)
    return require("plt.command").complete(lead, line)
  end,
})
