metadata description = 'Three custom roles of exactly the actions that each identity needs; the lists lie in ../roles.'

targetScope = 'subscription'

@description('Required. Name of the environment; role names are unique in a tenant.')
param environmentName string

var definitions = {
  observe: loadJsonContent('../roles/observe.json')
  drill: loadJsonContent('../roles/drill.json')
  failover: loadJsonContent('../roles/failover.json')
}

resource roles 'Microsoft.Authorization/roleDefinitions@2022-04-01' = [
  for role in items(definitions): {
    name: guid(subscription().id, environmentName, role.key)
    properties: {
      roleName: '${role.value.name} (${environmentName})'
      description: role.value.description
      type: 'CustomRole'
      permissions: [
        {
          actions: role.value.actions
          notActions: []
        }
      ]
      assignableScopes: [subscription().id]
    }
  }
]

@description('Ids of the roles by identity.')
output ids object = {
  observe: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', guid(subscription().id, environmentName, 'observe'))
  drill: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', guid(subscription().id, environmentName, 'drill'))
  failover: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', guid(subscription().id, environmentName, 'failover'))
}
