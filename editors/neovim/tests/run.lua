-- Runs the unit tests: `nvim -l tests/run.lua`, each spec a table of functions by name.
-- It needs no plugin and no server.

local here = vim.fs.dirname(vim.fs.abspath and vim.fs.abspath(debug.getinfo(1, "S").source:sub(2)) or arg[0])
vim.opt.runtimepath:prepend(vim.fs.dirname(here))

_G.equal = function(found, expected)
  if not vim.deep_equal(found, expected) then
    error(("expected %s\n   found %s"):format(vim.inspect(expected), vim.inspect(found)), 2)
  end
end

local num_passed, num_failed = 0, 0
local specs = vim.fn.glob(here .. "/*_spec.lua", false, true)
table.sort(specs)
for _, path in ipairs(specs) do
  for name, test in vim.spairs(dofile(path)) do
    local ok, problem = xpcall(test, debug.traceback)
    if ok then
      num_passed = num_passed + 1
    else
      num_failed = num_failed + 1
      io.stdout:write(("FAILED %s: %s\n%s\n"):format(vim.fs.basename(path), name, problem))
    end
  end
end
io.stdout:write(("%d passed, %d failed\n"):format(num_passed, num_failed))
os.exit((num_failed == 0 and num_passed > 0) and 0 or 1)
